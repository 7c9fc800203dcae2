/* What is decided about devices and invitations, from their records and the time alone: who a
 * device is, what enrolment, creation and operators make of its record, and whom an invitation
 * invites. Used by every registry of devices, so that all decide the same. Pure.
 *
 * Where a function changes a record, that is one of the caller's own (device_record_copy, or
 * zeroed), which is to be freed when the function fails. */
#ifndef GATEWAY_HUB_DEVICES_DEVICE_RULES_H
#define GATEWAY_HUB_DEVICES_DEVICE_RULES_H

#include "gateway/hub/devices/device_registry.h"

/* How long invitations are kept after their end, in ms, so that devices are told of that. */
#define INVITATION_KEEP_MS (INT64_C(7) * 86400000)

/* ---- who it is ---- */

/* Who a device is that calls itself `name` and has proven `key` (NULL: a certificate says so), when
 * d has a name of the same fold: KNOWN; NAME_TAKEN, since a name that is enrolled is never taken
 * over; DISABLED; or NEW: the record has lost its key, so it may be enrolled once more, as a name
 * may that no device has. */
enum enrol_result device_rules_identify(const struct device_record *d, struct span name,
                                        const uint8_t *key);

/* Whether the invitation (NULL: the join token has none) is for a device of that name: NEW,
 * TOKEN_UNKNOWN, TOKEN_EXPIRED, NOT_INVITED, or TOKEN_USED_UP. `used`: how often it has been used,
 * or is being used. */
enum enrol_result device_rules_invited(const struct invitation *i, int64_t used, struct span name,
                                       int64_t now);

/* ---- what becomes of its record; false, or ERR_NO_MEMORY: no memory ---- */

/* Fills in d, zeroed, as that of a device that was never here. */
bool device_rules_begin(struct device_record *d, struct span name, int64_t now);
/* Gives it what it has proven, and what the invitation says (NULL: by certificate). There may be
 * too many labels then (DEVICE_LABELS_MAX), from before a reset and from the invitation. */
bool device_rules_enrol(struct device_record *d, const uint8_t *key, const struct invitation *i,
                        bool approve_all, int64_t now);
/* Notes what its link tells. Without memory some of it is as before. */
bool device_rules_see(struct device_record *d, const struct device_sighting *s, int64_t now);
/* Fills in d, zeroed, as that of a device that is known by symmetric keys. */
bool device_rules_create(struct device_record *d, const struct device_creation *c, int64_t now);
/* Changes `next`, a copy of d, as u says. ERR_LIMIT, ERR_FORBIDDEN, or what u->reseal returned. */
enum err device_rules_update(const struct device_record *d, struct device_record *next,
                             const struct device_update *u, void *ctx);
void device_rules_reset(struct device_record *d);

/* ---- invitations ---- */

/* Fills in what is not the caller's to choose. */
bool device_rules_invite(struct invitation *i, const char *id, const char *join_token, int64_t now);

#endif
