// SPDX-License-Identifier: BSD-2-Clause
// Addresses encrypted to addresses of the same family, for logs that tell clients apart without naming them.
//
// The published ipcipher: ipcrypt for IPv4, one block of AES-128 for IPv6. Not fast. Any thread.
#ifndef DNSPROXY_BASE_IP_CIPHER_H
#define DNSPROXY_BASE_IP_CIPHER_H

#include "dnsproxy/base/address.h"

#include <stddef.h>

enum { IP_CIPHER_KEY_SIZE = 16 };

// From a password: slow on purpose.
bool ip_cipher_key(uint8_t key[IP_CIPHER_KEY_SIZE], const char *password, size_t size, struct fault *);
// Port and scope are kept. False: key_size is wrong, or the address is unset.
bool ip_cipher_encrypt(struct address *out, const struct address *, const void *key, size_t key_size, struct fault *);
bool ip_cipher_decrypt(struct address *out, const struct address *, const void *key, size_t key_size, struct fault *);

#endif
