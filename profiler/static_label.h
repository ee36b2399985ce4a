/* Labels that the configuration gives to every sample of this host: KEY=VALUE. */
#pragma once

#include "profiler/base/err.h"

#include <stddef.h>

/* With those of containers (runtime, pod) and of an import the 16 that a sample may have. */
#define STATIC_LABELS_MAX	 12
#define STATIC_LABEL_KEY_BYTES	 64
#define STATIC_LABEL_VALUE_BYTES 256

struct static_label {
	char key[STATIC_LABEL_KEY_BYTES];
	char value[STATIC_LABEL_VALUE_BYTES];
};

struct static_labels {
	struct static_label label[STATIC_LABELS_MAX];
	size_t n;
};

/*
 * Add one. -EINVAL, -E2BIG with a sentence: not a label, one that Hearth fills in itself (host may
 * be given), one that is there already, too many. Pure.
 */
int static_labels_add(struct static_labels *l, const char *text, struct err *err);
