/*
 * Included in front of every source that clang-tidy and gcc's -fanalyzer read, and in nothing that
 * runs. They see one file at a time and so they cannot know that these functions never return 0;
 * without this it takes every `return fault_set(...)` for a success whose out-parameters are not
 * set.
 */
#ifndef TESTS_LINT_ANALYZER_H
#define TESTS_LINT_ANALYZER_H

#include "lib/fault.h"

#define fault_set(f, code, ...) ((void)fault_set(f, code, __VA_ARGS__), -(int)(code))
#define fault_refuse(...) ((void)fault_refuse(__VA_ARGS__), -(int)FAULT_POLICY)
#define fault_unavailable(...) ((void)fault_unavailable(__VA_ARGS__), -(int)FAULT_UNAVAILABLE)

#endif
