/* AES in counter mode for the handshakes of BearSSL's engine, in a form that keeps the key: what
 * comes after the handshake has a kernel of its own (gcm.h), which begins with the key and not with
 * what BearSSL has made of it. */
#ifndef CORE_TLS_GCM_ENGINE_H
#define CORE_TLS_GCM_ENGINE_H

#include <bearssl.h>
#include <stddef.h>
#include <stdint.h>

/* To be set with br_ssl_engine_set_aes_ctr. */
extern const br_block_ctr_class gcm_engine_class;

/* The key of a context of that class, of *size bytes, which lives as long as the context. NULL: it
 * is of another class. */
const uint8_t *gcm_engine_key(const br_block_ctr_class *const *context, size_t *size);

/* BearSSL's code that needs nothing of the CPU but the width of its registers. Only one is linked.
 */
#define GCM_ENGINE_PORTABLE_AES                                                                    \
    (sizeof(void *) == 8 ? &br_aes_ct64_ctr_vtable : &br_aes_ct_ctr_vtable)

/* BearSSL's fastest constant-time code for this CPU. The CPU is asked once: in a virtual machine
 * each answer takes 9 microseconds, and BearSSL's own choice asks three times for each connection.
 */
const br_block_ctr_class *gcm_engine_aes(void);
br_ghash gcm_engine_ghash(void);

#endif
