/* call_plugin.h - one unary call with gRPC's C core, as a host in C makes it. */
#ifndef PLUGRELOAD_TESTS_GOPLUGIN_CALL_PLUGIN_H_
#define PLUGRELOAD_TESTS_GOPLUGIN_CALL_PLUGIN_H_

#include <stddef.h>

/* Connects to what plugreload_goplugin_target and the others say of `object`, calls `method` with
 * the message `request`, and copies the answer. Its size, or -1 for any failure; 10 s at most. */
int call_plugin(const void* object, const char* method, const void* request, size_t request_len,
                char* answer, size_t answer_size);

#endif /* PLUGRELOAD_TESTS_GOPLUGIN_CALL_PLUGIN_H_ */
