/* The audit log: one JSON object a line, one line for each control call and for each connection,
 * disconnection and refusal of a tunnel's end. Names of fields are in share/doc/audit.md. Opened
 * for appending, mode 0600; each line is one write. It never holds a token or a secret. */
#ifndef GATEWAY_HUB_API_AUDIT_H
#define GATEWAY_HUB_API_AUDIT_H

#include "core/base/err.h"
#include "core/base/json_write.h"
#include "core/base/log.h"

struct audit;

/* path NULL: the log writes nothing. The result is NULL with *why on failure. */
struct audit *audit_new(const char *path, enum err *why);
void audit_free(struct audit *a);
/* After a rotation: opens the path again, or another one. On error the old file stays in use. */
enum err audit_reopen(struct audit *a, const char *path);

/* Of a cluster's node: each line from now on has a member "node" with that name, which lives as
 * long as the log. */
void audit_node(struct audit *a, const char *name);

/* {"time":"2026-11-21T02:30:00.123Z","event":"call",…}: fields whose text is NULL are numbers.
 * event NULL: the line has no such member. Lines that cannot be written (a full disk) are counted,
 * and reported in the program's log once a minute. */
void audit_event(struct audit *a, const char *event, const struct log_field *fields, size_t n);
/* The same for events that can be caused without a key or token: at most 100 lines a minute, so
 * that unauthenticated clients cannot fill the disk. The others are counted in a line
 * {"event":"suppressed", "lines":N} before the first line of another minute. */
#define AUDIT_STRANGERS_MAX 100
void audit_stranger(struct audit *a, const char *event, const struct log_field *fields, size_t n);
/* Writes that object without the line's end, as a value without a name: what others tell of an
 * event has the same members. */
void audit_object(struct json_writer *w, const char *event, const struct log_field *fields,
                  size_t n);
uint64_t audit_lost(const struct audit *a); /* lines that could not be written */

#endif
