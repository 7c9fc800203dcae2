/* Small helpers over cJSON: building and reading without a check after each step, and wiping of
 * tokens. */
#ifndef GATEWAY_CTL_CTL_JSON_H
#define GATEWAY_CTL_CTL_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>

/* Put the value into the object, or at the array's end, and return it. When either argument is NULL
 * (no memory) the other one is deleted and the result is NULL, so that a chain of these fails as a
 * whole. */
cJSON *ctl_json_put(cJSON *object, const char *key, cJSON *value);
cJSON *ctl_json_push(cJSON *array, cJSON *value);

/* The text at a path of keys ("destinationConfig.thingName"); NULL when there is no text. */
const char *ctl_json_text_at(const cJSON *j, const char *path);
/* The item at a path, or NULL. */
const cJSON *ctl_json_at(const cJSON *j, const char *path);
/* The number at a path; 0 when there is no number. */
double ctl_json_number_at(const cJSON *j, const char *path);

/* Prints j on stdout by text_put_json. False: no memory, or a write error. */
bool ctl_json_print(const cJSON *j);

/* Overwrites all texts in j and deletes it. NULL is fine. */
void ctl_json_wipe(cJSON *j);

#endif
