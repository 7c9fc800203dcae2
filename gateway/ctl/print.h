/* Output for people: times, texts that are safe on a terminal, tables, the details of a tunnel. */
#ifndef GATEWAY_CTL_PRINT_H
#define GATEWAY_CTL_PRINT_H

#include "gateway/ctl/ctl_json.h"

#include <stddef.h>

#define CELL 512 /* bytes; longer cells are cut */

/* "2026-11-21 11:40 UTC"; "-" for 0 and for invalid times. */
char *print_time(double epoch_seconds, char out[32]);

/* Copies text as core/base/text.h shows it, cut with "..." after `most` characters (0: as many as
 * fit). NULL becomes "-". Returns out. */
char *print_safe(const char *text, size_t most, char *out, size_t size);

/* "SSH1, HTTP1" from an array of texts; "-" when it is empty. */
char *print_list(const cJSON *texts, char *out, size_t size);

/* The time when the tunnel expires: createdAt plus its lifetime; 0 when it is unknown. */
double print_expiry(const cJSON *tunnel);

#define PRINT_COLUMNS_MAX 9
struct print_column {
    const char *head;
    void (*cell)(const cJSON *item, char out[CELL]);
};
/* Prints a line for each item of the array, with columns as wide as their texts. */
void print_table(const cJSON *array, const struct print_column *columns, size_t n);

/* "site=7, team=ops" from an array of keys and values; "-" when it is empty. */
char *print_labels(const cJSON *labels, char *out, size_t size);
/* Prints "  NAME  TEXT", the name padded; NULL or "" becomes "-". */
void print_field(const char *name, const char *text);

/* Prints all details of a tunnel (DescribeTunnel's answer), one on each line. */
void print_tunnel(const cJSON *tunnel);

#endif
