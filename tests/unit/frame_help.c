#include "tests/unit/frame_help.h"

static uint32_t seed = 7;

uint32_t dice(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)seed * below >> 32);
}
