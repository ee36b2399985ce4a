/*
 * One of many shared objects: functions with frames of different sizes, of which each visit takes
 * one. MANY_LEVELS: 16 to its power is how many.
 */
#include "tests/programs/many.h"

#define COUNT (sizeof(functions) / sizeof(functions[0]))

/* Name and bytes of the frame. */
#define FUNCTION(name, bytes)                                     \
	__attribute__((noinline)) static int name(struct many *m) \
	{                                                         \
		volatile char room[bytes];                        \
                                                                  \
		room[0] = (char)m->left;                          \
		return m->step(m) + room[0];                      \
	}
#define ENTRY(name, bytes) name,

/* clang-format off */
#define LEVEL_1(what, name) \
	what(name##0, 16) what(name##1, 24) what(name##2, 40) what(name##3, 48) \
	what(name##4, 64) what(name##5, 80) what(name##6, 96) what(name##7, 112) \
	what(name##8, 128) what(name##9, 136) what(name##a, 160) what(name##b, 200) \
	what(name##c, 256) what(name##d, 320) what(name##e, 400) what(name##f, 512)
#define LEVEL_2(what, name) \
	LEVEL_1(what, name##0) LEVEL_1(what, name##1) \
	LEVEL_1(what, name##2) LEVEL_1(what, name##3) \
	LEVEL_1(what, name##4) LEVEL_1(what, name##5) \
	LEVEL_1(what, name##6) LEVEL_1(what, name##7) \
	LEVEL_1(what, name##8) LEVEL_1(what, name##9) \
	LEVEL_1(what, name##a) LEVEL_1(what, name##b) \
	LEVEL_1(what, name##c) LEVEL_1(what, name##d) \
	LEVEL_1(what, name##e) LEVEL_1(what, name##f)
#define LEVEL_3(what, name) \
	LEVEL_2(what, name##0) LEVEL_2(what, name##1) \
	LEVEL_2(what, name##2) LEVEL_2(what, name##3) \
	LEVEL_2(what, name##4) LEVEL_2(what, name##5) \
	LEVEL_2(what, name##6) LEVEL_2(what, name##7) \
	LEVEL_2(what, name##8) LEVEL_2(what, name##9) \
	LEVEL_2(what, name##a) LEVEL_2(what, name##b) \
	LEVEL_2(what, name##c) LEVEL_2(what, name##d) \
	LEVEL_2(what, name##e) LEVEL_2(what, name##f)
/* clang-format on */
#define LEVEL_OF(level) LEVEL_##level
#define LEVEL(level)	LEVEL_OF(level)
#define ALL_OF(what)	LEVEL(MANY_LEVELS)(what, function_)

ALL_OF(FUNCTION)

static int (*const functions[])(struct many *) = {ALL_OF(ENTRY)};

int many_enter(struct many *m)
{
	m->random = m->random * 1103515245 + 12345;
	return functions[(m->random >> 16) % COUNT](m) + 1;
}
