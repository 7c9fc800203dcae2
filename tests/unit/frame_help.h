
#ifndef TESTS_UNIT_FRAME_HELP_H
#define TESTS_UNIT_FRAME_HELP_H

#include "core/tunnel/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

uint32_t dice(uint32_t below);

#endif
