/* How a program of Cerca tells cercad why it ended. */
#ifndef LIB_EXITCODE_H
#define LIB_EXITCODE_H

enum exitcode {
    EXITCODE_OK = 0,
    EXITCODE_FAILED = 1, /* try again, with back-off */
    EXITCODE_USAGE = 2,
    EXITCODE_WRONG_PIN = 3, /* never again before a reload: a loop would lock the token */
    EXITCODE_CONFIG = 4,    /* not before a reload */
    EXITCODE_STORE = 5,     /* a commit has an unknown outcome: start again and recover */
    EXITCODE_TOKEN = 6,     /* the module or the token failed: try again, with back-off */
    EXITCODE_UNSOUND = 7,   /* what was to be verified is not sound (not told to cercad) */
};

#endif
