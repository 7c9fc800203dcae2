
#ifndef TESTS_UNIT_BASE_HELP_H
#define TESTS_UNIT_BASE_HELP_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/list.h"
#include "core/base/log.h"
#include "core/base/map.h"
#include "core/base/queue.h"
#include "core/base/str.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

uint32_t dice(uint32_t below);

/* ---- map ---- */

#define KEYS 600

struct model {
    struct map map;
    uint32_t keys[KEYS];
    int values[KEYS]; /* what the map's entries point to */
    bool in[KEYS];
    size_t size;
};

#endif
