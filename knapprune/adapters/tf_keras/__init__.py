"""Models of tf_keras, the Keras 2 that goes on: plain and QKeras."""
