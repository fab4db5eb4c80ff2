// SPDX-License-Identifier: BSD-2-Clause
// The transports that there are, and those that are still to be built: one row each, of core/transport.h.
//
// What the rest of the program wants to know about a way in is a member of its row: what it is called (in rules, logs,
// showBinds, for FFI), whether it counts as TCP for rules, whether it may carry large answers, whether backends are asked
// over a stream, whether it is secure, how it starts and stops on a worker. Nobody compares transports to know what they
// can do, so that a new one is this row, a `start` made of layers that are there (byte layer, protocol, stream), and nothing elsewhere.
//
// A row without `start` is accepted in configurations and told of once. Its number is its place in rings: new rows go to the
// end. Constants; any thread.
#include "dnsproxy/core/transport.h"

#include "dnsproxy/net/listener.h"

#include <string.h>
#include <sys/socket.h>

const struct transport transport_udp = {
    .name = "DoUDP", .long_name = "Do53 UDP", .bind_text = "UDP", .number = 0, .ffi_number = 0,
    .latency = LATENCY_UDP, .socket_type = SOCK_DGRAM,
    .start = datagram_start, .stop = datagram_stop};

const struct transport transport_tcp = {
    .name = "DoTCP", .long_name = "Do53 TCP", .bind_text = "TCP", .number = 1, .ffi_number = 1,
    .latency = LATENCY_TCP, .socket_type = SOCK_STREAM, .tcp = true, .large = true, .wants_stream = true,
    .start = stream_start, .stop = stream_stop};

const struct transport transport_dnscrypt_udp = {
    .name = "DNSCryptUDP", .long_name = "DNSCrypt UDP", .bind_text = "UDP (DNSCrypt)", .number = 2, .ffi_number = 2,
    .latency = LATENCY_UDP, .socket_type = SOCK_DGRAM};

const struct transport transport_dnscrypt_tcp = {
    .name = "DNSCryptTCP", .long_name = "DNSCrypt TCP", .bind_text = "TCP (DNSCrypt)", .number = 3, .ffi_number = 3,
    .latency = LATENCY_TCP, .socket_type = SOCK_STREAM, .tcp = true, .large = true, .wants_stream = true};

const struct transport transport_dot = {
    .name = "DoT", .long_name = "DNS over TLS", .bind_text = "TCP (DNS over TLS)", .number = 4, .ffi_number = 4,
    .latency = LATENCY_DOT, .socket_type = SOCK_STREAM, .tcp = true, .large = true, .wants_stream = true, .secure = true};

// Over HTTP and QUIC the client waits for no stream of ours: the backend is asked over UDP first.
const struct transport transport_doh = {
    .name = "DoH", .long_name = "DNS over HTTPS", .bind_text = "TCP (DNS over HTTPS)", .number = 5, .ffi_number = 5,
    .latency = LATENCY_DOH, .socket_type = SOCK_STREAM, .tcp = true, .large = true, .secure = true};

// Later than the enumeration of the dialect's FFI, for which they are DoH.
const struct transport transport_doq = {
    .name = "DoQ", .long_name = "DNS over QUIC", .bind_text = "UDP (DNS over QUIC)", .number = 6, .ffi_number = 5,
    .latency = LATENCY_DOQ, .socket_type = SOCK_DGRAM, .tcp = true, .large = true, .secure = true};

const struct transport transport_doh3 = {
    .name = "DoH3", .long_name = "DNS over HTTP/3", .bind_text = "UDP (DNS over HTTP/3)", .number = 7, .ffi_number = 5,
    .latency = LATENCY_DOH3, .socket_type = SOCK_DGRAM, .tcp = true, .large = true, .secure = true};

const struct transport *const transports[TRANSPORT_COUNT] = {
    &transport_udp, &transport_tcp, &transport_dnscrypt_udp, &transport_dnscrypt_tcp,
    &transport_dot, &transport_doh, &transport_doq,          &transport_doh3};

const struct transport *
transport_find(const char *name)
{
  for (unsigned i = 0; i < TRANSPORT_COUNT; i++)
    if (strcmp(transports[i]->name, name) == 0)
      return transports[i];
  return NULL;
}
