#ifndef DNSPROXY_QUERY_H
#define DNSPROXY_QUERY_H
#endif
