// Memory of a program by kind: a perceptron by hand, and views of one memory that are of one kind.
#include "kernels/program_bytes.hpp"

#include <gtest/gtest.h>

#include "model/io/json_reader.hpp"
#include "testbench/kernels/cases.hpp"

namespace bitloom {
namespace {

using testing_cases::named_hardware;
using testing_cases::named_network;
using testing_cases::named_recipe;
using testing_cases::with_batch;

/// 4 samples of 6 → 5 with bias → loss, int8. Memory has 32 bits for masters (24 by the recipe) and momenta (16).
TEST(ProgramBytes, OfAPerceptronByHand) {
  const Network network = read_network(JsonObject::from_text(R"({"name": "n", "input": [6], "layers": [
    {"name": "a", "op": "linear", "out": 5, "bias": true}, {"name": "loss", "op": "softmax_cross_entropy"}]})",
                                                             "net.json"));
  const Program program = lower(network, named_recipe("int8"), named_hardware("tiny"), with_batch(4));
  const KindBytes bytes = reserved_bytes(program);
  EXPECT_EQ(bytes[MemoryKind::kWeights], 30u + 20);               // codes; bias
  EXPECT_EQ(bytes[MemoryKind::kLatentWeights], 120u);             // masters
  EXPECT_EQ(bytes[MemoryKind::kOptimizerState], 120u + 20);       // momenta
  EXPECT_EQ(bytes[MemoryKind::kActivations], 24u + 80);           // x in the batch block, z
  EXPECT_EQ(bytes[MemoryKind::kGradients], 80u + 20 + 120 + 20);  // d_raw, d, dw, db
  EXPECT_EQ(bytes.total(), program.total_bytes);
  EXPECT_GE(bytes[MemoryKind::kOther], 64 * program.commands.size());
}

/// Tensors that share bytes are of one kind, so that it does not matter which of them a command means.
TEST(ProgramBytes, ViewsOfOneMemoryAreOfOneKind) {
  for (const char* network : {"mlp_odd", "conv_small", "conv_ops", "lenet_bn"}) {
    for (const char* recipe : {"int8", "luq_smp2", "lwq_accumulate", "niti", "int8_adam", "psq", "fqt1", "maqd"}) {
      SCOPED_TRACE(std::string(network) + " " + recipe);
      const Program program =
          lower(named_network(network), named_recipe(recipe), named_hardware("base"), with_batch(8));
      for (const TensorPlacement& a : program.tensors) {
        for (const TensorPlacement& b : program.tensors) {
          const bool apart = a.in_batch != b.in_batch || a.address + std::uint64_t{a.bytes} <= b.address ||
                             b.address + std::uint64_t{b.bytes} <= a.address;
          EXPECT_TRUE(apart || a.kind == b.kind) << a.name << " " << b.name;
        }
      }
      EXPECT_EQ(reserved_bytes(program).total(), program.total_bytes);
      EXPECT_EQ(transfer_kinds(program).size(), program.commands.size());
    }
  }
}

/// Beyond 4 GiB too a STORE is of the kind of the tensor that it writes.
TEST(ProgramBytes, OfAProgramBeyond32BitAddresses) {
  const Program program =
      lower(named_network("resnet50"), named_recipe("int8"), named_hardware("base"), with_batch(32));
  int beyond = 0;
  const std::vector<MemoryKind> kinds = transfer_kinds(program);
  for (const TensorPlacement& tensor : program.tensors) {
    for (const int writer : tensor.writers) {
      ASSERT_EQ(kinds[static_cast<std::size_t>(writer)], tensor.kind) << tensor.name;
      beyond += tensor.address >> 32 != 0 ? 1 : 0;
    }
  }
  EXPECT_GT(beyond, 100);
}

}  // namespace
}  // namespace bitloom
