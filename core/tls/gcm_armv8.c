#include "core/tls/gcm_kernel.h"
const struct gcm_kernel gcm_armv8 = {.name = "armv8"};
