/* KEY=VALUE into static labels; see static_label.h. */
#include "profiler/static_label.h"

#include "storage/profile.h"

#include <errno.h>
#include <string.h>

/* As in a selector, and as Prometheus names labels. */
static bool is_key(const char *s, size_t len)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

	if (len == 0 || len >= STATIC_LABEL_KEY_BYTES || (*s >= '0' && *s <= '9'))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!memchr(letters, s[i], strlen(letters)))
			return false;
	return true;
}

/* Those that samples get from what was sampled. */
static bool is_our_own(const char *key)
{
	static const char *const others[] = {"runtime", "pod", "import"};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (!strcmp(key, others[i]))
			return true;
	return profile_label_parse(key) >= 0 && strcmp(key, "host") != 0;
}

int static_labels_add(struct static_labels *l, const char *text, struct err *err)
{
	const char *equals = strchr(text, '=');
	struct static_label label = {};
	size_t len;

	if (!equals || !is_key(text, (size_t)(equals - text)))
		return err_set(err, -EINVAL, "\"%s\" is not KEY=VALUE, such as zone=eu-1", text);
	len = strlen(equals + 1);
	if (len == 0 || len >= STATIC_LABEL_VALUE_BYTES)
		return err_set(err, -EINVAL, "the value of \"%s\" is empty or longer than %d bytes",
			       text, STATIC_LABEL_VALUE_BYTES - 1);
	memcpy(label.key, text, (size_t)(equals - text));
	memcpy(label.value, equals + 1, len);
	if (is_our_own(label.key))
		return err_set(err, -EINVAL, "%s is told by each sample itself", label.key);
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->label[i].key, label.key))
			return err_set(err, -EINVAL, "%s is given twice", label.key);
	if (l->n == STATIC_LABELS_MAX)
		return err_set(err, -E2BIG, "more than %d labels", STATIC_LABELS_MAX);
	l->label[l->n++] = label;
	return 0;
}
