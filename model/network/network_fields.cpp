// What a network file may say.
#include "model/network/network_layers.hpp"

namespace bitloom {

namespace {

constexpr int kMaxWindow = 4096;  // of kernel, stride, padding and dilation

std::vector<FileField> weight_layer_fields() {
  return {
      fields::integer("out", 1, kMaxElements, "How many results a layer has: features, or channels of an image.")
          .only_with("op", {"linear", "conv2d"}),
      fields::flag("bias", "Does a learned value add to each result?").only_with("op", {"linear", "conv2d"}),
  };
}

std::vector<FileField> window_fields() {
  FileField all_or_window =
      fields::pair("kernel", 1, kMaxWindow, "The size of a window.").in("places").only_with("op", {"average_pool"});
  all_or_window.choices = {{"all", "One window over the whole image.", ""}};
  return {
      fields::pair("kernel", 1, kMaxWindow, "The size of a window.")
          .in("places")
          .only_with("op", {"conv2d", "max_pool"})
          .checked("At most the padded input."),
      std::move(all_or_window).checked("At most the padded input."),
      fields::pair("stride", 1, kMaxWindow, "How far windows lie apart.")
          .in("places")
          .or_else("1")
          .only_with("op", {"conv2d"}),
      fields::pair("stride", 1, kMaxWindow, "How far windows lie apart; by default the kernel, side by side.")
          .in("places")
          .may_be_absent()
          .only_with("op", {"max_pool", "average_pool"})
          .unless("kernel", {"all"}),
      fields::pair("padding", 0, kMaxWindow, "How many zeros stand on each side of the image.")
          .in("places")
          .or_else("0")
          .only_with("op", {"conv2d", "max_pool", "average_pool"})
          .unless("kernel", {"all"})
          .checked("For a pool less than the kernel."),
      fields::pair("dilation", 1, kMaxWindow, "How far the places of one window lie apart.")
          .in("places")
          .or_else("1")
          .only_with("op", {"conv2d"}),
      fields::integer("groups", 1, kMaxElements, "Channels fall into so many groups, each with weights of its own.")
          .or_else("1")
          .only_with("op", {"conv2d"})
          .checked("A divisor of the input's and the result's channels."),
  };
}

std::vector<FileField> norm_fields() {
  return {
      fields::number("eps", 1e-8, 1.0, "What is added to the variance before its root divides.")
          .or_else("1e-5")
          .by("N16.1")
          .only_with("op", {"batch_norm"}),
      fields::number("momentum", 1e-4, 1.0, "The share of this batch in the running mean and variance.")
          .or_else("0.1")
          .by("N16.2")
          .only_with("op", {"batch_norm"}),
  };
}

const FileSection& layer_fields() {
  static const FileSection section = [] {
    FileSection all{"layer",
                    "One operation of the network.",
                    {fields::text("name", "What the layer is called in reports, recipes and checkpoints.")
                         .checked("Letters, digits, '_' and '-'; unique; not \"input\"."),
                     fields::choice("op", op_words(), "What the layer computes."),
                     fields::texts("inputs", "What the layer reads; by default the layer above.")
                         .may_be_absent()
                         .checked("\"input\" or names of layers above; two for add, one for others.")}};
    for (const std::vector<FileField>& part : {weight_layer_fields(), window_fields(), norm_fields()}) {
      all.fields.insert(all.fields.end(), part.begin(), part.end());
    }
    return all;
  }();
  return section;
}

}  // namespace

const FileSection& network_fields() {
  static const FileSection section{
      "network",
      "A network as a list of layers; each reads results above it, and the loss comes last.",
      {fields::text("name", "What reports and checkpoints call the network.").checked("Letters, digits, '_' and '-'."),
       fields::integer("batch", 1, 65535,
                       "Samples of a step where no other number is asked for; by default the hyper-parameters'.")
           .in("samples")
           .may_be_absent(),
       fields::integers("input", 1, kMaxElements, "The shape of a sample: [features] or [channels, rows, columns].")
           .checked("1 to 4 extents, at most 1048576 elements."),
       fields::objects("layers", layer_fields(), "The layers in an order in which they can be computed.")
           .checked("At least one.")}};
  return section;
}

}  // namespace bitloom
