/* PEM files: reading them whole, and the objects in their text. */
#ifndef CORE_TLS_PEM_H
#define CORE_TLS_PEM_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/tls/der.h"

/* Reads a regular file (16 MB at most; UTF-16 becomes bytes) into an empty buf; wipe it (buf_wipe)
 * when it may hold keys. ERR_NOT_FOUND, ERR_PERMISSION, ERR_TOO_LARGE, ERR_NO_MEMORY, ERR_IO;
 * ERR_UNSUPPORTED: it is no regular file. */
enum err pem_read(const char *path, struct buf *out);
const char *pem_read_text(enum err why); /* that error in words, which follow the path */

/* Gets one object. Its name is as "CERTIFICATE". The bytes are wiped after the call; n is 0 for an
 * object that is damaged or cut off (or encrypted in the old way). Returns false to stop. */
typedef bool pem_object(void *ctx, const char *name, const uint8_t *der, size_t n);
/* Calls `each` for every object in the text (RFC 7468). The text may begin with a byte order mark,
 * and its lines may end with "\n" spelled out; one object in DER counts as a CERTIFICATE. False:
 * `each` has returned false, or no memory, or an object above 1 MB. */
bool pem_each(const void *text, size_t n, pem_object *each, void *ctx);

/* Whether that object is a certificate: CERTIFICATE, X509 CERTIFICATE as old programs write it, or
 * TRUSTED CERTIFICATE, in which OpenSSL appends what the certificate is trusted for. certificate:
 * the certificate alone; settings: what is appended, empty in the other two. */
bool pem_certificate(const char *name, const uint8_t *der, size_t n, struct der *certificate,
                     struct der *settings);

#endif
