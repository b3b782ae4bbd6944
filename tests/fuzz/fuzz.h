/*
 * What a fuzz target is. Each file in tests/fuzz/target is one, and defines `fuzz_target`; linked
 * with harness.c and mutate_der.c it is a libFuzzer program (`make fuzz`), linked with replay.c a
 * test that runs files (`make test`). README.md says which target covers what.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "lib/fault.h"

enum fuzz_form {
    FUZZ_OCTETS, /* mutated as libFuzzer does */
    FUZZ_DER,    /* one DER element: its tree is mutated (mutate_der.c) */
    /* The same behind one octet that says what it is taken for. */
    FUZZ_TAGGED_DER,
};

struct fuzz_target {
    enum fuzz_form form;
    void (*begin)(void);          /* once, before all; NULL: nothing */
    void (*run)(struct slice in); /* in an allocation of its own size */
    /* The i-th input to begin with, made by the product's own encoders; false: there are no more.
     * NULL: there are none. */
    bool (*seed)(size_t i, struct buf *out);
};
extern const struct fuzz_target fuzz_target;

/* Must hold whatever the input is: else says so and aborts, which is a crash. */
#define FUZZ_CHECK(what) ((what) ? (void)0 : fuzz_wrong(__FILE__, __LINE__, #what))
_Noreturn void fuzz_wrong(const char *file, int line, const char *what);

/* A refusal says why. `rc` is what was returned. */
void fuzz_refused(int rc, const struct fault *f);
/* Does `part` lie within `whole`? A part that is empty may be anywhere. */
bool fuzz_inside(struct slice part, struct slice whole);

/* Cuts off the first octet; 0 when there is none. */
uint8_t fuzz_octet(struct slice *in);
/* Cuts off a piece: two octets of length, big-endian, then at most so many. */
struct slice fuzz_piece(struct slice *in);
/* A copy with a NUL behind it. Octets that are NUL end it. The caller frees it. */
char *fuzz_text(struct slice s);

/* A folder of this process's own, removed when it ends well. */
const char *fuzz_folder(void);
/* Puts a file there, instead of what was there before; its path is good until the next call. */
const char *fuzz_file(const char *name, struct slice octets);
/* A file, or a folder with all below it. */
void fuzz_remove(const char *path);

#endif
