/* plugreload/version.h - the version, written here and nowhere else. */
#ifndef PLUGRELOAD_VERSION_H_
#define PLUGRELOAD_VERSION_H_

#define PLUGRELOAD_VERSION_MAJOR 0
#define PLUGRELOAD_VERSION_MINOR 1
#define PLUGRELOAD_VERSION_PATCH 0
#define PLUGRELOAD_VERSION_STRING "0.1.0"

#endif /* PLUGRELOAD_VERSION_H_ */
