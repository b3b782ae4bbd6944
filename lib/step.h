/*
 * Step hooks: named places where a test build can be killed, to prove that a
 * crash at any instruction loses nothing acknowledged.
 *
 * In a test build (CERCA_TEST_HOOKS) the environment variable CERCA_STEP_KILL
 * holds "PROGRAM:STEP:N": the N-th time that PROGRAM passes STEP it ends itself with
 * SIGKILL. With "PROGRAM:STEP:N@FILE" it does so only while FILE exists, then or at the first pass
 * after, and removes it first, so that the restarted process lives; FILE lies where the program's
 * jail lets it remove files. A release build contains neither the code nor the names; tests/flow
 * proves it.
 */
#ifndef LIB_STEP_H
#define LIB_STEP_H

#ifdef CERCA_TEST_HOOKS
void step_init(const char *program);
void step_pass(const char *step);
#define STEP_INIT(program) step_init(program)
/* The mark tells steps from other texts of a program. */
#define STEP(name) step_pass("step:" name)
#else
#define STEP_INIT(program) ((void)0)
#define STEP(name) ((void)0)
#endif

#endif
