/* Service ids, as AWS has them in OpenTunnel: [a-zA-Z0-9:_-]{1,128}. */
#ifndef CORE_BASE_SERVICE_ID_H
#define CORE_BASE_SERVICE_ID_H

#include "core/base/str.h"

#define SERVICE_ID_MAX 128
#define SERVICE_ID_RULE "1 to 128 letters, digits, '-', '_' or ':'"

bool service_id_is(struct span s);

#endif
