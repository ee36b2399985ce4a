/* The other unit of inlined.c: with -flto its function is inlined there. */
#define MARK(label) __asm__ volatile(".globl " #label "\n" #label ":\n\tnop")

int far_leaf(int x);
int far_leaf(int x)
{
	MARK(mark_far); /* mark_far */
	return x - 9;
}
