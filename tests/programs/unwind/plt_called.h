/* Two functions of a shared object that do nothing. */
#ifndef TESTS_PROGRAMS_UNWIND_PLT_CALLED_H
#define TESTS_PROGRAMS_UNWIND_PLT_CALLED_H

void called_one(void);
void called_two(void);

#endif
