/* Small helpers over cJSON: building without a check after each step, asking without one, and
 * tokens that do not stay in memory. */
#ifndef GATEWAY_CTL_CTL_JSON_H
#define GATEWAY_CTL_CTL_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>

/* Puts value into the object, or at the array's end, and returns that. When either of them is NULL
 * (no memory) the other one is deleted, and the result is NULL: a chain of these fails as a whole.
 */
cJSON *ctl_json_put(cJSON *object, const char *key, cJSON *value);
cJSON *ctl_json_push(cJSON *array, cJSON *value);

/* The text at a path of keys ("destinationConfig.thingName"); NULL: there is none. */
const char *ctl_json_text_at(const cJSON *j, const char *path);
/* What is there; NULL: nothing. */
const cJSON *ctl_json_at(const cJSON *j, const char *path);
/* The number there; 0: there is none. */
double ctl_json_number_at(const cJSON *j, const char *path);

/* On stdout, by text_put_json; false: no memory, or it cannot be written. */
bool ctl_json_print(const cJSON *j);

/* Overwrites all texts, then deletes it. NULL is fine. */
void ctl_json_wipe(cJSON *j);

#endif
