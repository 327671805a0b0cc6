#include <plugreload/plugreload.h>
#include <stdio.h>

int main(void) {
  plugreload_engine* engine = NULL;
  plugreload_error* error = NULL;
  plugreload_code code = plugreload_engine_open(NULL, &engine, &error);
  if (code == PLUGRELOAD_OK) {
    code = plugreload_engine_close(engine, PLUGRELOAD_DEFAULT, &error);
  }
  if (error != NULL) fprintf(stderr, "%s\n", plugreload_error_message(error, NULL));
  printf("C %d\n", (int)code);
  plugreload_error_free(error);
  plugreload_engine_free(engine);
  return code == PLUGRELOAD_OK ? 0 : 1;
}
