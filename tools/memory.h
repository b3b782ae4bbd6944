/*
 * A library that is given no memory says that a signature does not verify, or that a file does not
 * parse, and whoever asked would take that for the truth. So OpenSSL and jansson end the command as
 * our own code does (out_of_memory), with EXIT_UNKNOWN.
 */
#ifndef TOOLS_MEMORY_H
#define TOOLS_MEMORY_H

/* First of all, before any of them has allocated. */
void memory_or_end(void);

#endif
