// Every file format in JSON: a network, recipe or hyper-parameter file is read whole, or refused by an Error.
#include <string_view>

#include "model/io/error.hpp"
#include "model/io/json_reader.hpp"
#include "model/network/hyper.hpp"
#include "model/network/network.hpp"
#include "model/network/recipe.hpp"
#include "testbench/fuzz/fuzz.hpp"

namespace {

template <class Read>
void attempt(std::string_view text, Read read) {
  try {
    read(bitloom::JsonObject::from_text(text, "fuzz.json"));
  } catch (const bitloom::Error&) {  // what a user is told
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  attempt(text, [](const bitloom::JsonObject& json) { bitloom::read_network(json); });
  attempt(text, [](const bitloom::JsonObject& json) { bitloom::read_recipe(json); });
  attempt(text, [](const bitloom::JsonObject& json) { bitloom::read_hyper(json); });
  return 0;
}
