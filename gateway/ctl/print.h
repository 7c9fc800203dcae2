/* What people read: times, texts that are safe on a terminal, tables, the details of a tunnel. */
#ifndef GATEWAY_CTL_PRINT_H
#define GATEWAY_CTL_PRINT_H

#include "gateway/ctl/ctl_json.h"

#include <stddef.h>

#define CELL 512 /* bytes; longer cells are cut */

/* "2026-11-21 11:40 UTC"; "-" for 0 and for what is no time. */
char *print_time(double epoch_seconds, char out[32]);

/* A copy as core/base/text.h shows it. Cut with "..." after `most` characters (0: as many as fit).
 * NULL is "-". Returns out. */
char *print_safe(const char *text, size_t most, char *out, size_t size);

/* "SSH1, HTTP1" from an array of texts; "-" when there is none. */
char *print_list(const cJSON *texts, char *out, size_t size);

/* When a tunnel ends: createdAt and its lifetime; 0: not known. */
double print_expiry(const cJSON *tunnel);

struct print_column {
    const char *head;
    void (*cell)(const cJSON *item, char out[CELL]);
};
/* A line for each item of the array, as wide as the texts are. */
void print_table(const cJSON *array, const struct print_column *columns, size_t n);

/* Everything about a tunnel (DescribeTunnel's answer), a line each. */
void print_tunnel(const cJSON *tunnel);

#endif
