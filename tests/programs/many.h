/* What many.c and the shared objects that it loads know of each other. */
#pragma once

struct many {
	int (*step)(struct many *m); /* go on in another object, or work */
	unsigned int left; /* frames until it works */
	unsigned int random;
};

/* Every object's: in one of its functions, the random one. */
int many_enter(struct many *m);
