"""A Jupyter kernel whose cells run in Azure Container Apps dynamic sessions."""
