/*
 * What the programs that serve the network do before they differ: options, configuration, logs.
 */
#ifndef LIB_SERVER_MAIN_H
#define LIB_SERVER_MAIN_H

#include <stdbool.h>

#include "lib/conf.h"
#include "lib/fault.h"

struct server_options {
    const char *conf;
    int conf_fd, listen_fd, keep_fd; /* handed over; -1: none */
    bool check;                      /* read the configuration, then end */
};

struct server_program {
    const char *name, *usage;
    const char *ended; /* the event that is logged when run fails */
    int (*run)(const struct server_options *o, const struct conf *conf, struct fault *f);
};

/* The exit status. Ends the process itself for --help, --version and wrong usage. */
int server_main(const struct server_program *p, int argc, char **argv);

/* The number of a descriptor that cercad handed to `program`; ends the process when it is none. */
int option_fd(const char *program, const char *text);

/* For --text FILE: the configuration's text as it is in force, which CONF may have left behind.
 * Sealed; ends the process when it cannot be read. */
int option_text(const char *program, const char *file);

#endif
