/* A program's page for man(1), from its option tables: man(7) macros, for groff and mandoc. */
#ifndef CORE_CONFIG_MANUAL_H
#define CORE_CONFIG_MANUAL_H

#include "core/config/program.h"

#include <stdio.h>

/* Writes NAME, SYNOPSIS, DESCRIPTION, COMMANDS, OPTIONS, EXAMPLES and at last ENVIRONMENT, which a
 * part written by hand (share/man) may continue. p->groups must be set. Option groups of the
 * program or of all its commands stand under OPTIONS, others below their command; hidden options
 * are left out. */
void manual_write(const struct program *p, FILE *out);

#endif
