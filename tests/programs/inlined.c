/*
 * What the symbolizer is asked about: inline chains within a unit and across two (built with
 * -flto), cold parts, symbols with and without sizes. Each place has a global label, and the text
 * of its line names the label, so that tests know the line without a number.
 */
#include <stdio.h>
#include <stdlib.h>

#define MARK(label) __asm__ volatile(".globl " #label "\n" #label ":\n\tnop")

int far_leaf(int x);

static inline __attribute__((always_inline)) int leaf(int x)
{
	MARK(mark_leaf); /* mark_leaf */
	return x * 3;
}

static inline __attribute__((always_inline)) int middle(int x)
{
	return leaf(x + 1) ^ 5; /* calls leaf */
}

__attribute__((cold, noinline, noreturn)) void give_up(int x)
{
	fprintf(stderr, "%d\n", x);
	exit(3);
}

__attribute__((noinline, noclone)) int outer(int x)
{
	int y = middle(x); /* calls middle */

	if (x == 12345) { /* in outer.cold, a part of its own */
		for (int i = 0; i < y; i++)
			printf("%d of %d\n", i, y);
		give_up(y);
	}
	return far_leaf(y) + 1; /* calls far_leaf */
}

/* A C function whose name would be a C++ type, were it demangled; and one whose name is mangled. */
__attribute__((noinline, noclone)) int h(int x)
{
	MARK(mark_h); /* mark_h */
	return x + 7;
}

int add(int a, int b) __asm__("_Z3addii");
__attribute__((noinline, noclone)) int add(int a, int b)
{
	MARK(mark_add); /* mark_add */
	return a + b;
}

/* Hand-written code: a size and padding behind it, data in the midst, no size at all. */
extern char sized[], bare[], table_in_code[];
__asm__(".text\n"
	".balign 16\n"
	".globl sized\n"
	".type sized, @function\n"
	"sized:	nop\n"
	"	nop\n"
	".size sized, 2\n"
	"	.skip 30, 0x90\n"
	".globl table_in_code\n"
	".type table_in_code, @object\n"
	"table_in_code: .quad 0\n"
	".size table_in_code, 8\n"
	".globl bare\n"
	"bare:	nop\n"
	"	nop\n"
	".globl after_bare\n"
	".type after_bare, @function\n"
	"after_bare: nop\n"
	".size after_bare, 1\n");

int main(int argc, char **argv)
{
	(void)argv;
	printf("%d %p%p%p\n", add(outer(argc), h(argc)), sized, bare, table_in_code);
	return 0;
}
