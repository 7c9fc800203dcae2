#include "tests/unit/base_help.h"

/* A fixed sequence, so that what fails once fails again. */
static uint32_t seed = 1;

uint32_t dice(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)seed * below >> 32);
}
