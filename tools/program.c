/* The cerca command's name, apart from its table, since what names it is linked by tests too. */
#include "tools/tool.h"

const struct program program = {
    .name = "cerca",
    .manual = "cerca(1)",
    .usage = "[-c CONF] COMMAND [options]",
    .exits = "exit status: 0 done, 1 refused or failed, 2 not called as intended,\n"
             "3 waits for a second operator, 4 could not be verified, or no memory\n",
};
