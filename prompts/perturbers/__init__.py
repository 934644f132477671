"""How a model is asked to rewrite an answer: longer, firmer, in another tone or language, its facts left alone."""
