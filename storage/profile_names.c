/* The words of the profile model, each list said once in profile.h. */
#include "storage/profile.h"

#include <errno.h>
#include <string.h>

static const char *const object_kinds[] = {
#define NAME(name, shortname, sentence) [PROFILE_OBJECT_##name] = shortname,
	PROFILE_OBJECT_LIST(NAME)
#undef NAME
};

static const struct {
	const char *name;
	bool number;
} labels[] = {
#define NAME(name, text, number) [PROFILE_LABEL_##name] = {text, number},
	PROFILE_LABEL_LIST(NAME)
#undef NAME
};

static const struct {
	const char *word, *suffix;
} frame_kinds[] = {
#define NAME(name, word, suffix) [PROFILE_FRAME_##name] = {word, suffix},
	PROFILE_FRAME_LIST(NAME)
#undef NAME
};

const char *profile_object_kind_name(enum profile_object_kind kind)
{
	return kind < PROFILE_OBJECT_COUNT ? object_kinds[kind] : "?";
}

int profile_object_kind_parse(const char *name)
{
	for (int i = 0; i < PROFILE_OBJECT_COUNT; i++)
		if (!strcmp(object_kinds[i], name))
			return i;
	return -ENOENT;
}

const char *profile_label_name(enum profile_label l)
{
	return l < PROFILE_LABEL_COUNT ? labels[l].name : "?";
}

int profile_label_parse(const char *name)
{
	for (int i = 0; i < PROFILE_LABEL_COUNT; i++)
		if (!strcmp(labels[i].name, name))
			return i;
	return -ENOENT;
}

bool profile_label_is_number(enum profile_label l)
{
	return l < PROFILE_LABEL_COUNT && labels[l].number;
}

const char *profile_frame_kind_name(enum profile_frame_kind k)
{
	return k < PROFILE_FRAME_COUNT ? frame_kinds[k].word : "?";
}

const char *profile_frame_kind_suffix(enum profile_frame_kind k)
{
	return k < PROFILE_FRAME_COUNT ? frame_kinds[k].suffix : "";
}
