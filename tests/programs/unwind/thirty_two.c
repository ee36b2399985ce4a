/*
 * A 32-bit process without a C library, so that any compiler for x86 can build it: spins for some
 * seconds and ends.
 */
#define FRAME __attribute__((noipa))

void _start(void);

static volatile unsigned sink;

static FRAME void spin(void)
{
	for (unsigned i = 0; i < 1000000000; i++)
		sink = i;
}

void _start(void)
{
	for (int i = 0; i < 5; i++)
		spin();
	__asm__ volatile("int $0x80" : : "a"(1), "b"(0));
}
