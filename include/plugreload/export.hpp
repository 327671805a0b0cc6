// plugreload/export.hpp - what a shared build of the C++ library shows.
#ifndef PLUGRELOAD_EXPORT_HPP_
#define PLUGRELOAD_EXPORT_HPP_

#define PLUGRELOAD_EXPORT [[gnu::visibility("default")]]

#endif  // PLUGRELOAD_EXPORT_HPP_
