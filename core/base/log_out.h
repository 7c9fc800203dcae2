/* Private to core/base: where the log's lines go, standard error. Whoever reads it may stop, a
 * terminal held with Ctrl-S or a log driver that hangs: a line is then lost, and nobody waits. */
#ifndef CORE_BASE_LOG_OUT_H
#define CORE_BASE_LOG_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Looks at what standard error is now. Without it lines are written, and may block. */
void log_out_setup(void);
/* One line with its newline, in one write, so that lines of several programs on one terminal do not
 * mix. False: it is lost, or only a part of it was taken. */
bool log_out(const uint8_t *line, size_t n);

#endif
