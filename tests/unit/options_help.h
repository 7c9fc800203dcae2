
#ifndef TESTS_UNIT_OPTIONS_HELP_H
#define TESTS_UNIT_OPTIONS_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/log.h"
#include "core/config/hub_config.h"
#include "core/config/program.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct options *fresh(void);

/* Runs options_argv over a copy of the words; the last argv stays until the next call. */
extern char words[20][128];
enum err argv(struct options *o, size_t max_operands, const char *const *text);

#define ARGV(o, max, ...) argv(o, max, (const char *const[]){"prog", __VA_ARGS__, NULL})

/* ---- precedence ---- */

const char *nothing(const char *name);
enum err text(struct options *o, const char *content);

/* ---- the hub's options ---- */

extern int warnings;
void count_warning(void *ctx, enum log_level level, const char *line);

#endif
