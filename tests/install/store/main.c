#include <plugreload/plugreload_sqlite.h>
#include <stdio.h>

int main(int argc, char** argv) {
  plugreload_sqlite_options file = {sizeof file};
  plugreload_store_ops store = {sizeof store};
  plugreload_options options = {sizeof options};
  plugreload_engine* engine = NULL;
  plugreload_error* error = NULL;
  plugreload_code code;
  file.path = argc > 1 ? argv[1] : "";
  file.path_len = PLUGRELOAD_NTS;
  code = plugreload_sqlite_store(&file, &store, &error);
  if (code == PLUGRELOAD_OK) {
    options.store = &store;
    code = plugreload_engine_open(&options, &engine, &error);
  }
  if (code == PLUGRELOAD_OK) {
    code = plugreload_engine_close(engine, PLUGRELOAD_DEFAULT, &error);
  }
  if (error != NULL) fprintf(stderr, "%s\n", plugreload_error_message(error, NULL));
  printf("C %d\n", (int)code);
  plugreload_error_free(error);
  plugreload_engine_free(engine);
  return code == PLUGRELOAD_OK ? 0 : 1;
}
