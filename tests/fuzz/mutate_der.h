/*
 * Mutation of DER by its structure: the tree of elements is read, also within OCTET STRINGs and BIT
 * STRINGs that hold DER, one element is removed, repeated, exchanged, taken from elsewhere, or its
 * contents mutated, and the lengths of all around it are made right again. What is no DER is
 * mutated as octets.
 */
#ifndef TESTS_FUZZ_MUTATE_DER_H
#define TESTS_FUZZ_MUTATE_DER_H

#include "tests/fuzz/fuzz.h"

/* libFuzzer's own mutation of octets. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t n, size_t max);

/* Both change `data` in place, of which `n` octets are in use and `max` there, and return how many
 * are then in use. */
size_t mutate_der(uint8_t *data, size_t n, size_t max, unsigned seed);
/* An element of `other` instead of one of these. */
size_t splice_der(uint8_t *data, size_t n, size_t max, struct slice other, unsigned seed);

#endif
