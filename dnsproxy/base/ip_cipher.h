// SPDX-License-Identifier: BSD-2-Clause
// Addresses encrypted to addresses of the same family, for logs that tell clients apart without naming them
// (makeIPCipherKey(), ca:ipencrypt(), ca:ipdecrypt()).
//
// The published ipcipher, so that other tools that have the key can read it: ipcrypt, a small cipher over four bytes,
// for IPv4; one block of AES-128 for IPv6. The same address gives the same result under the same key, and whoever has
// the key can turn it back; port and scope stay as they are.
//
// A key comes from a password by many rounds of PBKDF2: that takes a while on purpose, and is done once by the
// configuration. A value, no state; not made for the path of packets. Any thread.
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
