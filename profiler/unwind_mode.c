/* The words of --unwind; see unwind_mode.h. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "profiler/unwind_mode.h"

static const struct mode {
	const char *word;
	const char *sentence;
} modes[] = {
#define MODE_ROW(name, word, sentence) {word, sentence},
	UNWIND_MODE_LIST(MODE_ROW)
#undef MODE_ROW
};

int unwind_mode_parse(const char *text, void *to, struct err *err)
{
	for (size_t i = 0; i < UNWIND_MODE_COUNT; i++) {
		if (strcmp(text, modes[i].word) == 0) {
			*(enum unwind_mode *)to = (enum unwind_mode)i;
			return 0;
		}
	}
	return err_set(err, -EINVAL,
		       "unknown mode \"%s\"; there are auto (%s), fp (%s) and snapshot (%s)", text,
		       modes[UNWIND_MODE_AUTO].sentence, modes[UNWIND_MODE_FP].sentence,
		       modes[UNWIND_MODE_SNAPSHOT].sentence);
}
