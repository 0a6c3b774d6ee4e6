#pragma once

namespace bitloom {

/// What the objects of golden have in common: they are known by their base, and never copied.
class GoldenObject {
 public:
  GoldenObject() = default;
  GoldenObject(const GoldenObject&) = delete;
  GoldenObject& operator=(const GoldenObject&) = delete;
  virtual ~GoldenObject() = default;
};

/// Returns the one object of a class whose objects keep nothing.
template <class T>
const T& object_of() {
  static const T object;
  return object;
}

}  // namespace bitloom
