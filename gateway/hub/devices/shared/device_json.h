/* Devices and invitations as Redis has them: JSON, read strictly (record_json.h). Pure. */
#ifndef GATEWAY_HUB_DEVICES_SHARED_DEVICE_JSON_H
#define GATEWAY_HUB_DEVICES_SHARED_DEVICE_JSON_H

#include "gateway/hub/registry/device_record.h"
#include "gateway/hub/registry/invitation.h"
#include "gateway/hub/registry/record_json.h"

/* What enrolment and operators decide, and what its link tells, which changes far more often. The
 * texts are to be freed. NULL: no memory. */
char *device_json_write(const struct device_record *d);
char *device_json_write_seen(const struct device_record *d);
char *invitation_json_write(const struct invitation *i);

/* Fill in a zeroed record, which is to be freed in any case. ERR_PROTOCOL: Redis has something else
 * there; ERR_NO_MEMORY. */
enum err device_json_read(struct span record, struct span seen, struct device_record *d);
enum err invitation_json_read(struct span record, struct invitation *i); /* all but `used` */

#endif
