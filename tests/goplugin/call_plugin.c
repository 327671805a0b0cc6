#include "call_plugin.h"

#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/time.h>
#include <string.h>

#include "plugreload/plugreload_goplugin.h"

static grpc_channel* connect_to(const void* object) {
  grpc_channel_credentials* credentials;
  grpc_channel* channel;
  grpc_arg name;
  grpc_channel_args args;
  size_t len;
  int tls;
  plugreload_goplugin_root_pem(object, &len);
  tls = len != 0;
  if (tls) {
    grpc_ssl_pem_key_cert_pair own;
    own.private_key = plugreload_goplugin_private_key_pem(object, NULL);
    own.cert_chain = plugreload_goplugin_certificate_pem(object, NULL);
    credentials =
        grpc_ssl_credentials_create(plugreload_goplugin_root_pem(object, NULL), &own, NULL, NULL);
  } else {
    credentials = grpc_insecure_credentials_create();
  }
  name.type = GRPC_ARG_STRING;
  name.key = (char*)(tls ? GRPC_SSL_TARGET_NAME_OVERRIDE_ARG : GRPC_ARG_DEFAULT_AUTHORITY);
  name.value.string = (char*)(tls ? plugreload_goplugin_server_name(object, NULL) : "localhost");
  args.num_args = 1;
  args.args = &name;
  channel = grpc_channel_create(plugreload_goplugin_target(object, NULL), credentials, &args);
  grpc_channel_credentials_release(credentials);
  return channel;
}

static int copy(grpc_byte_buffer* received, char* answer, size_t answer_size) {
  grpc_byte_buffer_reader reader;
  grpc_slice all;
  int size = -1;
  if (received == NULL || !grpc_byte_buffer_reader_init(&reader, received)) return -1;
  all = grpc_byte_buffer_reader_readall(&reader);
  if (GRPC_SLICE_LENGTH(all) <= answer_size) {
    size = (int)GRPC_SLICE_LENGTH(all);
    memcpy(answer, GRPC_SLICE_START_PTR(all), GRPC_SLICE_LENGTH(all));
  }
  grpc_slice_unref(all);
  grpc_byte_buffer_reader_destroy(&reader);
  return size;
}

int call_plugin(const void* object, const char* method, const void* request, size_t request_len,
                char* answer, size_t answer_size) {
  const gpr_timespec deadline =
      gpr_time_add(gpr_now(GPR_CLOCK_REALTIME), gpr_time_from_seconds(10, GPR_TIMESPAN));
  grpc_channel* channel = connect_to(object);
  grpc_completion_queue* queue = grpc_completion_queue_create_for_next(NULL);
  grpc_slice name = grpc_slice_from_static_string(method);
  grpc_call_error started;
  grpc_call* call = grpc_channel_create_call(channel, NULL, GRPC_PROPAGATE_DEFAULTS, queue, name,
                                             NULL, deadline, NULL);
  grpc_slice message = grpc_slice_from_copied_buffer(request, request_len);
  grpc_byte_buffer* sent = grpc_raw_byte_buffer_create(&message, 1);
  grpc_byte_buffer* received = NULL;
  grpc_metadata_array initial, trailing;
  grpc_status_code status = GRPC_STATUS_UNKNOWN;
  grpc_slice details = grpc_empty_slice();
  grpc_op ops[6];
  int size = -1;
  grpc_metadata_array_init(&initial);
  grpc_metadata_array_init(&trailing);
  memset(ops, 0, sizeof ops);
  ops[0].op = GRPC_OP_SEND_INITIAL_METADATA;
  ops[1].op = GRPC_OP_SEND_MESSAGE;
  ops[1].data.send_message.send_message = sent;
  ops[2].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
  ops[3].op = GRPC_OP_RECV_INITIAL_METADATA;
  ops[3].data.recv_initial_metadata.recv_initial_metadata = &initial;
  ops[4].op = GRPC_OP_RECV_MESSAGE;
  ops[4].data.recv_message.recv_message = &received;
  ops[5].op = GRPC_OP_RECV_STATUS_ON_CLIENT;
  ops[5].data.recv_status_on_client.trailing_metadata = &trailing;
  ops[5].data.recv_status_on_client.status = &status;
  ops[5].data.recv_status_on_client.status_details = &details;
  started = grpc_call_start_batch(call, ops, 6, &ops, NULL);
  if (started == GRPC_CALL_OK) {
    grpc_completion_queue_next(queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    if (status == GRPC_STATUS_OK) size = copy(received, answer, answer_size);
  }
  grpc_slice_unref(details);
  grpc_metadata_array_destroy(&initial);
  grpc_metadata_array_destroy(&trailing);
  if (received != NULL) grpc_byte_buffer_destroy(received);
  grpc_byte_buffer_destroy(sent);
  grpc_slice_unref(message);
  grpc_call_unref(call);
  grpc_completion_queue_shutdown(queue);
  grpc_completion_queue_next(queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
  grpc_completion_queue_destroy(queue);
  grpc_channel_destroy(channel);
  return size;
}
