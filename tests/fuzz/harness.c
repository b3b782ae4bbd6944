/* The ends that libFuzzer calls (https://llvm.org/docs/LibFuzzer.html). */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "lib/log.h"
#include "tests/fuzz/mutate_der.h"

/* Names are libFuzzer's and LeakSanitizer's. NOLINTBEGIN(bugprone-reserved-identifier) */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t n_a, const uint8_t *b, size_t n_b,
                                 uint8_t *out, size_t max, unsigned seed);
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 loses a string that its grammar did not expect there. Ours must lose nothing. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig.so\n";
}
/* NOLINTEND(bugprone-reserved-identifier) */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    log_open("fuzz", LOG_LEVEL_ERROR);
    if (fuzz_target.begin != NULL)
        fuzz_target.begin();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    fuzz_target.run(slice_of(data, n));
    ERR_clear_error();
    return 0;
}

/* Where the DER begins. */
static size_t front(size_t n)
{
    return fuzz_target.form == FUZZ_TAGGED_DER && n > 0 ? 1 : 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed)
{
    size_t at = front(n);

    /* Now and then the octets themselves, and what is taken for what. */
    if (fuzz_target.form == FUZZ_OCTETS || n == 0 || seed % 8 == 0)
        return LLVMFuzzerMutate(data, n, max);
    return at + mutate_der(data + at, n - at, max - at, seed);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t n_a, const uint8_t *b, size_t n_b,
                                 uint8_t *out, size_t max, unsigned seed)
{
    size_t at = front(n_a);

    if (fuzz_target.form == FUZZ_OCTETS || n_a == 0 || max < n_a) {
        size_t half = n_a / 2 < max ? n_a / 2 : max;
        size_t rest = n_b - n_b / 2 < max - half ? n_b - n_b / 2 : max - half;

        memcpy(out, a, half);
        memcpy(out + half, b + n_b / 2, rest);
        return half + rest;
    }
    memcpy(out, a, n_a);
    at +=
        splice_der(out + at, n_a - at, max - at, slice_of(b + front(n_b), n_b - front(n_b)), seed);
    return at;
}
